/** Model files: where they are, and the window that shows what one says of itself. */
package undulator.model;
