/* replay.h - a capture file into a trace: no root, no BPF, the same bytes as the recording made. */
#ifndef CMD_REPLAY_H
#define CMD_REPLAY_H

#define REPLAY_USAGE "usage: gotrace-bpf replay CAPTURE -o FILE [--format V] [-q]"

/* argv[0] is "replay"; the exit status. */
int cmd_replay(int argc, char **argv);

#endif
