/** Curves over the epochs of a training. */
package undulator.chart;
