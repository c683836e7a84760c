/* export.h - `gotrace-bpf export`: a trace as something else, or less of it. */
#ifndef CMD_EXPORT_H
#define CMD_EXPORT_H

/* argv[0] is "export". The exit status. */
int cmd_export(int argc, char **argv);

#endif
