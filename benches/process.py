"""A program that a benchmark times when its turn comes."""

import subprocess


class Process:
    """It reads lines that say what to run, and answers each with the seconds of its runs."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name} stopped: see its message above")
        return [float(second) for second in answer.split()]
