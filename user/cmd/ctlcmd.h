/* ctlcmd.h - gotrace-bpf ctl PID dump | status | stop: speaks to a running flight recorder. */
#ifndef CMD_CTLCMD_H
#define CMD_CTLCMD_H

/* argv[0] is "ctl"; the exit status. */
int cmd_ctl(int argc, char **argv);

#endif
