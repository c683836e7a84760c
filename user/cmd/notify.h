/*
 * notify.h - tells a supervisor how far we are (sd_notify(3)'s documented socket protocol:
 * datagrams of VARIABLE=value lines to the AF_UNIX address in NOTIFY_SOCKET, '@' for the abstract
 * namespace).
 */
#ifndef CMD_NOTIFY_H
#define CMD_NOTIFY_H

/* Sends text ("READY=1\nSTATUS=..."). 1 sent, 0 nobody asked for it, or -errno. */
int notify_send(const char *text);

#endif
