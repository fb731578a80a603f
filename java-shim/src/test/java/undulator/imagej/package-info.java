/**
 * Tests with real ImageJ 1.54p: each starts Java anew, with ImageJ's jar and the plugin's jar in a plugins folder, under
 * Xvfb or headless with Fiji's patches.
 */
package undulator.imagej;
