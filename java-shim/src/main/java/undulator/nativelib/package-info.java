/** Finds and loads the native library. */
package undulator.nativelib;
