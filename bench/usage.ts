import { readdirSync, readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';

/** Clock ticks a second in /proc/<pid>/stat. */
let ticksPerSecond: number | undefined;

function tickMicroseconds(): number {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return 1_000_000 / ticksPerSecond;
}

interface Stat {
  parent: number;
  /** User and system time of the process, in ticks. */
  own: number;
  /** That of its ended children, in ticks. */
  ended: number;
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces; fields count from the state after it.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const at = (index: number) => Number(fields[index]);
    return { parent: at(1), own: at(11) + at(12), ended: at(13) + at(14) };
  } catch {
    return undefined;
  }
}

/** CPU time that a process has used so far, all its threads, in microseconds (resolution: one tick, 10 ms as a rule). */
export function cpuOf(pid: number): number {
  const stat = statOf(pid);
  if (stat === undefined) throw new Error(`process ${pid} is gone`);
  return stat.own * tickMicroseconds();
}

/** CPU time of a process, its living children and its ended ones, in microseconds. For Postgres, which has a process per connection. */
export function cpuOfTree(pid: number): number {
  let ticks = 0;
  for (const name of readdirSync('/proc')) {
    const number = Number(name);
    if (!Number.isInteger(number)) continue;
    const stat = statOf(number);
    if (stat === undefined) continue;
    if (number === pid) ticks += stat.own + stat.ended;
    else if (stat.parent === pid) ticks += stat.own;
  }
  return ticks * tickMicroseconds();
}

/** Descriptors that a process started from here may open at most. */
export function descriptorLimit(): number {
  const line = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return line === undefined || line === 'unlimited' ? Number.POSITIVE_INFINITY : Number(line);
}

/** Raises that limit for this process and those that it starts. False where the system does not allow it. */
export function raiseDescriptorLimit(descriptors: number): boolean {
  try {
    execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${descriptors}:${descriptors}`], { stdio: 'ignore' });
  } catch {
    return false;
  }
  return descriptorLimit() >= descriptors;
}
