/** Files of the plugin's jar, unpacked once for each version. */
package undulator.cache;
