/** Open images in, new images out, slice by slice. */
package undulator.image;
