/*
 * target.bpf.h - whose thread this is.
 */
#ifndef TARGET_BPF_H
#define TARGET_BPF_H

/*
 * The thread's number in the pid namespace that it was made in, which is the one that it knows
 * itself by (kernel/pid.c, task_active_pid_ns). Fields are read without a helper call; namespaces
 * nested deeper than the switch goes are asked for.
 */
static __always_inline u32 tid_in_own_ns(struct task_struct *task)
{
	struct bpf_pidns_info ns = {};
	struct pid *pid = task->thread_pid;

	switch (pid->level) {
	case 0:
		return (u32)pid->numbers[0].nr;
	case 1:
		return (u32)pid->numbers[1].nr;
	case 2:
		return (u32)pid->numbers[2].nr;
	case 3:
		return (u32)pid->numbers[3].nr;
	}
	return bpf_get_ns_current_pid_tgid(who_dev, who_ino, &ns, sizeof(ns)) ? 0 : ns.pid;
}

/* The first look in a pid namespace: the kernel is asked whether this is the process in who_tgid. */
__noinline int target_learn(u32 global)
{
	struct bpf_pidns_info ns = {};

	if (bpf_get_ns_current_pid_tgid(who_dev, who_ino, &ns, sizeof(ns)) || ns.tgid != who_tgid)
		return 0;
	who_global = global;
	return 1;
}

/* True if the current thread belongs to the target. */
static __always_inline bool in_target(struct task_struct *task)
{
	u32 tgid = (u32)task->tgid;
	u32 global = cfg.pidns_ino ? who_global : who_tgid;

	return tgid == global || (!global && cfg.pidns_ino && target_learn(tgid));
}

/* A thread's number as the target itself knows it. */
static __always_inline u32 target_tid(struct task_struct *task)
{
	return cfg.pidns_ino ? tid_in_own_ns(task) : (u32)task->pid;
}

/* Both. */
static __always_inline bool is_target(struct task_struct *task, u32 *ret_tid)
{
	if (!in_target(task))
		return false;
	*ret_tid = target_tid(task);
	return true;
}

#endif
