package undulator.training;

import undulator.Host;

/** What the user asked of a training and it has not heard yet. */
final class Requests {
    private boolean checkpoint;
    private boolean finish;
    private boolean cancel;
    private boolean stopped;
    private boolean ending;

    synchronized void saveCheckpoint() {
        checkpoint = true;
    }

    synchronized void finish() {
        finish = true;
        ending = true;
    }

    synchronized void cancel() {
        cancel = true;
        ending = true;
    }

    /** The next training begins: what came too late for the one before it is not meant for this one. */
    synchronized void renew() {
        checkpoint = false;
        finish = false;
        ending = stopped || cancel;
    }

    /** Escape: the training stops as any other command would. */
    synchronized void stop() {
        stopped = true;
        ending = true;
    }

    /** Whether the user wants the training to end, and it runs still. */
    synchronized boolean isEnding() {
        return ending;
    }

    /** Whether the work must stop wherever it is. While a training is prepared, it asks for nothing else. */
    synchronized boolean stopsNow(boolean training) {
        return stopped || cancel && !training;
    }

    /** The next request, once; cancelling goes before everything else. */
    synchronized int take() {
        if (cancel) {
            cancel = false;
            return Host.CANCEL;
        }
        if (checkpoint) {
            checkpoint = false;
            return Host.SAVE_CHECKPOINT;
        }
        if (finish) {
            finish = false;
            return Host.FINISH;
        }
        return Host.GO_ON;
    }
}
