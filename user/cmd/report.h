/* report.h - `gotrace-bpf report`: what happened in a trace, in one pass. */
#ifndef CMD_REPORT_H
#define CMD_REPORT_H

/* argv[0] is "report". The exit status. */
int cmd_report(int argc, char **argv);

#endif
