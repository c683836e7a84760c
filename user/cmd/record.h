/* record.h - the main job: record a process into a file. */
#ifndef CMD_RECORD_H
#define CMD_RECORD_H

/* argv[0] is the program; the exit status. */
int cmd_record(int argc, char **argv);

#endif
