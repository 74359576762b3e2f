import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Resident memory of this process after a full collection, in bytes. */
export function residentBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage.rss();
}

/** Watches resident memory while something happens: gives by how many bytes its highest point was above the beginning. */
export async function growthWhile(happening: () => Promise<void>): Promise<number> {
  const before = residentBytes();
  let highest = before;
  const look = () => {
    highest = Math.max(highest, process.memoryUsage.rss());
  };
  const timer = setInterval(look, 10);
  try {
    await happening();
    look();
  } finally {
    clearInterval(timer);
  }
  return highest - before;
}
