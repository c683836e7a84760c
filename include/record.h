/*
 * record.h - what the BPF programs tell user space: the one layout that both sides share.
 *
 * A record is what was seen, not what it means: the model gives it meaning (docs/design.md).
 * Records of one CPU stand in that CPU's ring; user/capture merges all rings into one stream in
 * order of time and adds its own records to it (snapshot, clock, losses). The same bytes, in the
 * same order, are what a capture file holds.
 *
 * R1  A record is a struct rec, then npc program counters (u64), then text bytes; len covers all
 *     and is a multiple of 8.
 * R2  seq is written last, with release order, and is (u32)(position / 8) + 1: a reader that finds
 *     another value there finds an uncommitted record. No record is ever zero there.
 * R3  ts is CLOCK_MONOTONIC in ns, taken after the place in the ring was claimed: so what is claimed
 *     after a reader looked at the ring's head carries a later time than that look (rings.h).
 * R4  lost is the number of records that did not fit into this ring before this one (mod 2^32).
 * R5  A field that a hook does not fill is 0; pointers are the target's addresses; pcs are return
 *     addresses (one more than the call site's last byte) unless the hook says otherwise.
 * R6  A stack is told once: stack is the hash of its pcs, and a record that has them (npc > 0) comes
 *     before every record that has the hash alone (the programs believe a stack known only after
 *     its record was committed). stack 0 with pcs: they stand for themselves.
 * R7  goid 0, p 0: not looked up; g names the goroutine by its pointer, which the records of its
 *     creation and its starts tie to a goid, and the P is the one the thread is known to hold.
 *
 * No libc here: BPF programs include this file.
 */
#ifndef GOTRACE_RECORD_H
#define GOTRACE_RECORD_H

#ifndef __bpf__
#include <stdint.h>
#endif

enum {
	REC_MAX_PC = 128,	   /* frames: the format's limit */
	REC_TEXT_PC = 16,	   /* room for pcs in a user annotation; its two texts lie behind */
	REC_NOTE_MAX = 256,	   /* bytes of a note */
	REC_TEXT_EACH = 256,	   /* room for each text; p holds their lengths: first | second << 32 */
	REC_MAX_LEN = 2048,	   /* of any record; rings have this much room behind their end */
	REC_GCC_WORDS = 44,	   /* words of gcController that HEAP and SNAP_GC carry as pcs */
	REC_ABI = 2,		   /* changes with any change of this file's meaning */
};

/*
 * What was seen. "g" below is rec.g, the subject; "curg" is the goroutine whose thread ran the
 * probe. m is the m of the thread; p is m.p unless said otherwise. [s] = pcs hold a stack.
 */
enum hook {
	HOOK_NONE = 0,
	HOOK_EXECUTE,	    /* g starts; x = p.gcMarkWorkerMode; gstatus, waitreason, flags: 0 if g was not read */
	HOOK_PARK,	    /* g blocks [s]; x = m.waitTraceBlockReason (no such field: 0), waitreason, skip */
	HOOK_READY,	    /* g is woken; x = curg (0: none) [s of curg], skip */
	HOOK_INJECT,	    /* g is woken by injectglist (a record for each) */
	HOOK_CREATE,	    /* g is new; x = startpc, y = parent goid [s of curg] */
	HOOK_GOSCHED,	    /* g yields [s]; x = 1 Gosched, 2 preempted */
	HOOK_PREEMPT_PARK,  /* g is preempted into waiting [s] */
	HOOK_EXIT,	    /* g ends */
	HOOK_COROSWITCH,    /* g switches to x (y = its goid); REC_F_COROEXIT: and ends */
	HOOK_SYSCALL_ENTER, /* g enters a syscall or C [s] */
	HOOK_SYSCALL_BLOCK, /* the same by entersyscallblock: the P is released at once [s] */
	HOOK_SYSCALL_EXIT,  /* g is back; up to 1.25 p = m.oldp, x = p.syscalltick | m.syscalltick << 32, y = p.status; from 1.26 nothing: every P that is taken is told (STEAL, GCWAIT) */
	HOOK_SYSCALL_NOP,   /* g found no P at its syscall's end and is runnable */
	HOOK_ACQUIRE,	    /* m takes p; x = p.id */
	HOOK_RELEASE,	    /* m gives up p */
	HOOK_HANDOFF,	    /* someone hands off p: stolen from a syscall if its holder is in one */
	HOOK_STEAL,	    /* p is taken from the m in x, in a syscall with g (1.26 on) */
	HOOK_GCWAIT,	    /* g enters a syscall while the world stops: m loses p at once */
	HOOK_NEEDM,	    /* a foreign thread gets an m and a g: g (1.21 on; before, its next record's) */
	HOOK_DROPM,	    /* and gives them back; g = curg */
	HOOK_STW_BEGIN,	    /* curg (g) stops the world [s]; x = reason's number */
	HOOK_STW_START,	    /* curg (g) restarts it: HOOK_STW_END is when it runs */
	HOOK_PROCRESIZE,    /* x = number of Ps; g = curg [s] */
	HOOK_GC_BEGIN,	    /* g = curg [s] */
	HOOK_GC_END,	    /* g = curg */
	HOOK_ASSIST_BEGIN,  /* g = curg [s] */
	HOOK_ASSIST_END,    /* this piece of g's mark assist ends */
	HOOK_STARTLOCKEDM,  /* g, locked to another thread, is woken for it */
	HOOK_TASK_BEGIN,    /* user annotations: g = curg [s]; x = id, y = parent; text = name */
	HOOK_TASK_END,	    /* x = id [s] */
	HOOK_REGION,	    /* x = task id, y = 0 begin, 1 end; text = name [s] */
	HOOK_LOG,	    /* x = task id, y = length of key; text = key, message [s] */
	HOOK_HEAP,	    /* x = heapLive; pcs = the first REC_GCC_WORDS words of gcController */
	HOOK_ASSIST_PARK,   /* g may park for its mark assist's debt, and then tries again: one range */
	HOOK_CALL,	    /* a function that the user chose is entered; g = curg, x = its number (COOKIE_CALL_SHIFT) [s] */
	HOOK_STW_END,	    /* curg (g) has woken the threads that its stop had parked */
	HOOK_BPF_END,	    /* below: BPF programs; above: user/capture */

	HOOK_SNAP_G = 64,   /* a g as memory had it [s, if it was not running]; x = startpc, y = parent goid, tid = procid of g.m; REC_F_SCHED_PC: pcs[0] is an entry, not a return address */
	HOOK_SNAP_P,	    /* p; x = its id, y = its status, m = p.m, tid = that m's procid */
	HOOK_SNAP_M,	    /* m, tid = procid, p = m.p, x = m.curg, y = m.oldp */
	HOOK_SNAP_GC,	    /* x = gcphase, y = gomaxprocs; pcs as HEAP */
	HOOK_SNAP_END,	    /* the snapshot is whole; x = Gs, y = Ps */
	HOOK_CLOCK,	    /* x = CLOCK_REALTIME ns at ts */
	HOOK_LOST,	    /* x records of CPU y were lost just before ts */
	HOOK_NOTE,	    /* a message for the trace (plan changed, trigger, ...): x bytes of text where pcs would be */
	HOOK_END,	    /* the recording ends; x = enum rec_end, y = exit status if known */
	HOOK_PLAN,	    /* x = enum rec_plan: what is seen from here on; y = enum rec_plan_flag */
	HOOK_COUNT,
};

/* What a recording watches; what it leaves out, the model infers (docs/overhead.md has the prices). */
enum rec_plan {
	REC_PLAN_FULL,
	REC_PLAN_STOP, /* no starts: a goroutine starts unseen before its next act */
	REC_PLAN_LEAN, /* starts, wake-ups and Ps: a goroutine blocks unseen when its thread goes on */
};

enum rec_plan_flag {
	REC_PLAN_STEP = 1 << 0,	   /* a change in the middle of a recording: a generation begins */
	REC_PLAN_PAUSED = 1 << 1,  /* nothing is seen from here on */
	REC_PLAN_RESUMED = 1 << 2, /* the end of that: a snapshot follows, nothing older holds */
};

enum rec_end { REC_END_ASKED, REC_END_EXIT, REC_END_EXEC, REC_END_FAULT };

enum rec_flag {
	REC_F_ASSIST = 1 << 0,	    /* g.inMarkAssist */
	REC_F_ASYNC = 1 << 1,	    /* g.asyncSafePoint: preempted by signal */
	REC_F_SYNC = 1 << 2,	    /* g.syncSafePoint: preempted at a function's entry (1.25 on) */
	REC_F_COROEXIT = 1 << 3,    /* g.coroexit */
	REC_F_LOCKED = 1 << 4,	    /* SNAP_G: g.lockedm is set */
	REC_F_CUT = 1 << 5,	    /* the stack has more frames than pcs hold, or could not be read on */
	REC_F_SCHED_PC = 1 << 6,    /* pcs[0] is not a return address */
	REC_F_EXTRA_M = 1 << 7,	    /* SNAP_M: m.isextra, a thread that C made */
	REC_F_RESTART = 1 << 7,	    /* SYSCALL_EXIT: the kernel may repeat the call without a new begin */
};

/*
 * The runtime's own statuses, as memory and so records have them (Go runtime/runtime2.go, _Gidle and
 * _Pidle on, 1.19 to 1.27; docs/go-runtime.md 2.2). rec.gstatus is one of GST_*; of a P, PST_*.
 */
enum go_status {
	GST_IDLE,
	GST_RUNNABLE,
	GST_RUNNING,
	GST_SYSCALL,
	GST_WAITING,
	GST_MORIBUND, /* unused, but named */
	GST_DEAD,
	GST_COPYSTACK = 8,
	GST_PREEMPTED,
	GST_LEAKED,	   /* from 1.26 */
	GST_DEADEXTRA,	   /* from 1.26 */
	GST_SCAN = 0x1000, /* a bit beside the others: the stack is being scanned */
	PST_IDLE = 0,
	PST_RUNNING,
	PST_SYSCALL, /* up to 1.25 */
	PST_GCSTOP,
	PST_DEAD,
};
/* A g.atomicstatus without the scan bit. */
#define GST_OF(word) ((word) & (GST_SCAN - 1))

struct rec {
	uint32_t seq;	  /* R2 */
	uint16_t len;	  /* R1 */
	uint8_t hook;	  /* enum hook */
	uint8_t npc;	  /* <= REC_MAX_PC */
	uint64_t ts;	  /* R3 */
	uint32_t tid;	  /* of the thread, in the target's own pid namespace (m.procid) */
	uint32_t lost;	  /* R4 */
	uint64_t g;
	uint64_t goid;
	union {
		uint64_t m;	/* snapshot */
		uint64_t stack; /* probes: R6 */
	};
	uint64_t p;
	uint32_t gstatus;	  /* g.atomicstatus, as read: GST_* and perhaps GST_SCAN (GST_OF) */
	uint8_t waitreason;  /* g.waitreason: an index of the target's own table */
	uint8_t flags;	  /* enum rec_flag */
	uint16_t skip;	  /* logical frames that the runtime's own tracer leaves out at the leaf */
	uint64_t x, y;	  /* by hook */
	uint64_t pcs[];
};

/* One CPU's ring, control part. Both sides write only their own cache lines. */
struct ring_ctl {
	uint64_t head;	/* bytes claimed so far; BPF, by compare-and-swap */
	uint64_t lost;	/* records that did not fit */
	uint64_t skipped;	/* hits that made no record, by intent */
	uint64_t faults;	/* reads of target memory that failed */
	uint64_t last_ts;	/* of the newest record, about */
	uint64_t passed;	/* system calls of the runtime's own, which the tracepoints let go */
	uint64_t traced;	/* records of system calls that the tracepoints made, not a probe */
	uint64_t pad0[1];
	uint64_t tail;	/* bytes consumed; user space */
	uint64_t pad1[7];
	uint64_t lost_by[HOOK_BPF_END];
};

/* Fixed for the life of the loaded program: the verifier removes what a version does not need. */
struct bpf_config {
	uint64_t pidns_ino;	    /* 0: numbers of the initial pid namespace, else of who_dev, who_ino */
	uint32_t ring_mask;	    /* ring bytes - 1; a power of two */
	uint64_t gccontroller;	    /* its address in the target, 0: do not read */
	uint64_t gopark_pc;	    /* PARK is at gopark's entry: where it calls mcall, as pcs have it; 0: at park_m's */
	uint64_t sys_ret[2];	    /* where syscall.Syscall and Syscall6 call RawSyscall6: return addresses; or 0, 0 */
	uint64_t sys_pc[2];	    /* what stands for them in the stack of a system call: where they call entersyscall */
	uint64_t goexit_pc;	    /* what every goroutine's own function returns to; 0: not known */
	uint64_t callback, ecallback; /* runtime.cgocallback; 0, 0: none */
	uint64_t inject_pc;	    /* where injectglist calls the runtime's tracer: its pc in stacks; or 0 */
	uint32_t heap_period_ns;	    /* at most one HEAP record in this time */
	uint32_t go_minor;
	uint32_t gosched_skip;	    /* 1 up to Go 1.24, 0 from 1.25 */
	uint8_t gcworker[4];	    /* waitreason of a GC worker: 0 and 1; 255, 255: always look at its P's mode */
	/* offsets of fields, 0xffff: this version has none (golayout.h) */
	uint16_t g_m, g_sched_sp, g_sched_pc, g_sched_bp, g_syscallpc, g_syscallsp, g_syscallbp;
	uint16_t g_atomicstatus, g_goid, g_schedlink, g_waitreason, g_asyncSafePoint, g_syncSafePoint;
	uint16_t g_inMarkAssist, g_coroexit, g_parentGoid, g_startpc, g_coroarg;
	uint16_t m_curg, m_p, m_oldp, m_isextra, m_ncgo, m_waitTraceSkip, m_waitTraceBlockReason, m_syscalltick;
	uint16_t p_status, p_syscalltick, p_gcMarkWorkerMode;
	uint16_t pad;
	long long tls_g;	    /* g's place from a thread's fs base */
};

enum {
	KNOWN_STACKS = 1 << 13,	/* slots for hashes of stacks that were told (R6) */
	SCRATCH_SLOTS = 4,	/* of each CPU: programs that preempt each other */
	STACK_WINDOW = 1024,	/* bytes of a stack read at a time */
	CALLBACK_PC = 40,	/* cgocallback: from the slot of its return address to the next pc ... */
	CALLBACK_FP = 48,	/* ... and to the next saved frame pointer (go-runtime.md 8.4) */
	CALLBACK_MINOR = 21,	/* the first Go minor of which that is true */
};
/* The slot of a stack's hash, in the programs and in the model's mirror of what they told. */
#define KNOWN_SLOT(hash) ((uint32_t)((hash) >> 32) & (KNOWN_STACKS - 1))

/* Where the walk of a stack stands; base 0: no window was read. */
struct bpf_chain {
	uint64_t fp, lo, hi, base, have, hash;
	uint32_t n;
	uint8_t flags;
};

/* Working room of one program run: too large for its stack. */
struct bpf_scratch {
	uint32_t busy;
	uint32_t pad;
	struct bpf_chain chain;
	uint64_t pcs[REC_MAX_PC + 2];
	uint8_t window[STACK_WINDOW + 16];
};

/*
 * A link's cookie: the hook in the low byte, then flags of the site, then two numbers.
 */
enum cookie_flag {
	COOKIE_NEWG_RAX = 1 << 8,  /* CREATE: the new g is in RAX, else in RBX */
	COOKIE_LOCKED_SKIP = 1 << 9, /* EXECUTE at schedule's nop: no record if g.lockedm is set */
	COOKIE_PREEMPTED = 1 << 10, /* GOSCHED by gopreempt_m or goyield_m: always "preempted" */
	COOKIE_GOSCHED = 1 << 11,  /* GOSCHED by gosched_m: always "runtime.Gosched" */
	COOKIE_PC_AX = 1 << 12,	   /* SYSCALL_ENTER by reentersyscall: pc in AX, bp in CX */
	COOKIE_CALL = 1 << 13,	   /* the site is a call, not the callee's entry: the stack has no return address yet */
	COOKIE_YIELD = 1 << 14,	   /* GOSCHED by goyield_m: not at a function's entry, its gobuf is whole */
};

enum cookie_shift {
	COOKIE_CALL_SHIFT = 16,	   /* HOOK_CALL: which of the functions asked for (40 bits) */
	COOKIE_TURN_SHIFT = 56,	   /* which link in turn (8 bits): hits of others than the last are left alone */
};

/* Files and the other side's compiler count on these. */
_Static_assert(sizeof(struct rec) == 80, "struct rec: no padding, whole words");
_Static_assert(HOOK_BPF_END <= HOOK_SNAP_G, "hooks of BPF programs and of user/capture overlap");
_Static_assert(sizeof(struct rec) + (REC_TEXT_PC * 8) + 2 * REC_TEXT_EACH <= REC_MAX_LEN &&
		       sizeof(struct rec) + REC_MAX_PC * 8 <= REC_MAX_LEN,
	       "REC_MAX_LEN holds the longest records");
_Static_assert(__builtin_offsetof(struct ring_ctl, tail) == 64 &&
		       __builtin_offsetof(struct ring_ctl, lost_by) == 128,
	       "both sides of a ring write only their own cache lines");

#endif
