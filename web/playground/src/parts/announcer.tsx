import { useEffect, useRef, useState } from 'react';
import { type ChatMessage, textOf } from '../chat/chat-message.ts';

/** Reads finished answers to screen readers, once each; the growing text itself is not a live region. */
export function Announcer({ messages, isActive }: { messages: ChatMessage[]; isActive: boolean }) {
  const [lines, setLines] = useState<{ id: string; text: string }[]>([]);
  const said = useRef<Set<string>>(undefined);
  said.current ??= new Set(messages.map((message) => message.id));
  const last = messages.at(-1);
  useEffect(() => {
    const ending = last?.metadata?.ending;
    if (isActive || last === undefined || ending === undefined || said.current?.has(last.id) === true) return;
    said.current?.add(last.id);
    const prefix = ending === 'complete' ? 'Answer' : `Incomplete answer (${ending})`;
    setLines((before) => [...before.slice(-2), { id: last.id, text: `${prefix}: ${textOf(last)}` }]);
  }, [last, isActive]);
  return (
    <div className="visually-hidden" role="log" aria-live="polite" aria-label="Finished answers">
      {lines.map((line) => (
        <p key={line.id}>{line.text}</p>
      ))}
    </div>
  );
}
