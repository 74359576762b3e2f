import { useEffect, useState } from 'react';
import type { LinkState } from '../chat/link.ts';

/** The state of the connection, in a word. */
export function StatusPill({ link }: { link: LinkState }) {
  const seconds = useSecondsLeft(link);
  return (
    <span className="status" data-testid="status" data-state={link.kind} role="status">
      <span className="status-dot" aria-hidden="true" />
      <span className="status-words">{words(link)}</span>
      {seconds > 1 && <span aria-hidden="true">{` · ${seconds} s`}</span>}
    </span>
  );
}

function words(link: LinkState): string {
  switch (link.kind) {
    case 'connected':
      return 'Connected';
    case 'connecting':
      return 'Connecting';
    case 'waiting':
      return link.isBusy ? 'Server is busy' : 'Reconnecting';
    case 'offline':
      return 'Offline';
    case 'idle':
      return 'Ready';
  }
}

function useSecondsLeft(link: LinkState): number {
  const until = link.kind === 'waiting' ? link.until : 0;
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (until === 0) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [until]);
  return until === 0 ? 0 : Math.ceil((until - now) / 1000);
}
