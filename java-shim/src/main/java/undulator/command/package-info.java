/** The commands of the menu Plugins &gt; Undulator, one class each. */
package undulator.command;
