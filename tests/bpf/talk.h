/* SPDX-License-Identifier: Apache-2.0 */
/*
 * talk.h - conversations of two ends, byte for byte, through the programs: what the classifier
 * makes of them. Segments have the sequence numbers that real ones would have.
 */
#pragma once
#include "flows.h"

#define TALK_MSS 1400

struct talk {
	struct rig *rig;
	int family;
	bool udp;
	bool by_near; /* this host opened it */
	int client_port;
	int server_port;
	unsigned int seq[2]; /* next of the client, of the server */
};

#define CLIENT 0
#define SERVER 1

/* talk_begin - empty tables; TCP: a handshake. @server_port: of who is connected to. */
void talk_begin(struct talk *t, struct rig *rig, bool udp, bool by_near, int server_port);

/* talk_middle - the same without its beginning: an agent that started later. */
void talk_middle(struct talk *t, struct rig *rig, bool by_near, int server_port);

/* talk_say - bytes of one end, in segments of at most @mss; each datagram is one of its own. */
void talk_say(struct talk *t, int who, const void *bytes, unsigned int len, unsigned int mss);

/* talk_at - one segment somewhere else in the stream: repeated, early, a probe. */
void talk_at(struct talk *t, int who, int offset, const void *bytes, unsigned int len);

/* talk_super - one packet that stands for several, as devices with offload hand them over. */
void talk_super(struct talk *t, int who, const void *bytes, unsigned int len, unsigned int size);

/**
 * talk_script - what is said, as text.
 * @script: "c 'text' 0d0a 00x23; s …": c or s, then pieces: text in quotes, hexadecimal digits,
 *	    the last byte so many times; a turn for each part between semicolons.
 *
 * Ends the program on a script that it cannot read.
 */
void talk_script(struct talk *t, const char *script);

/* talk_flow - the one entry of both tables; false when there is none or several. */
bool talk_flow(struct talk *t, struct zt_flow *ret);
