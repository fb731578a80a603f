/** A training as its user sees and steers it: the live window, or without one the log. */
package undulator.training;
