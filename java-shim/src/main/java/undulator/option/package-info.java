/** The options of a command: declared once, filled from a macro or from a dialog, and recorded. */
package undulator.option;
