/** The Java side of Undulator: what crosses to the native library. No algorithm is on this side. */
package undulator;
