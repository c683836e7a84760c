/* ctlcmd.h - gotrace-bpf ctl PID dump | status | stop: speaks to a running flight recorder. */
#ifndef CMD_CTLCMD_H
#define CMD_CTLCMD_H

#define CTL_USAGE "usage: gotrace-bpf ctl PID dump [--last TIME] [-o FILE] | status [--json] | stop"

/* argv[0] is "ctl"; the exit status. */
int cmd_ctl(int argc, char **argv);

#endif
