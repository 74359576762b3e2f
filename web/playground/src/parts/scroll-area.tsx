import { type ReactNode, useEffect, useRef, useState } from 'react';
import { DownIcon } from './icons.tsx';

const nearPx = 80;

/** Scrolls with the growing text as long as the reader is at its end. */
export function ScrollArea({ children, pinKey }: { children: ReactNode; pinKey: number }) {
  const area = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const isPinned = useRef(true);
  const [isAway, setAway] = useState(false);

  const toEnd = () => {
    isPinned.current = true;
    setAway(false);
    area.current?.scrollTo({ top: area.current.scrollHeight });
  };
  useEffect(() => {
    if (content.current === null) return;
    const observer = new ResizeObserver(() => {
      if (isPinned.current) area.current?.scrollTo({ top: area.current.scrollHeight });
    });
    observer.observe(content.current);
    return () => observer.disconnect();
  }, []);
  useEffect(toEnd, [pinKey]);

  const onScroll = () => {
    const element = area.current;
    if (element === null) return;
    const isNear = element.scrollHeight - element.scrollTop - element.clientHeight < nearPx;
    isPinned.current = isNear;
    setAway(!isNear);
  };
  return (
    <div className="scroll">
      <div className="scroll-area" ref={area} onScroll={onScroll} tabIndex={0} role="region" aria-label="Conversation">
        <div className="column" ref={content}>
          {children}
        </div>
      </div>
      {isAway && (
        <button type="button" className="to-end" aria-label="Go to the newest message" title="Newest message" onClick={toEnd}>
          <DownIcon />
        </button>
      )}
    </div>
  );
}
