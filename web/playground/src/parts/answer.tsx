import { memo } from 'react';
import { type ChatMessage, textOf } from '../chat/chat-message.ts';
import type { Ending } from '../chat/ending.ts';
import { CopyButton } from './copy-button.tsx';
import { AlertIcon, RedoIcon } from './icons.tsx';
import { Markdown } from './markdown.tsx';

const cuts: Record<Exclude<Ending, 'complete'>, string> = {
  stopped: 'Stopped. This answer is not complete.',
  interrupted: 'Interrupted. This answer is not complete.',
  failed: 'Failed. This answer is not complete.',
  length: 'Cut at the length limit.',
  filtered: 'Ended by a content filter.',
};

/** One answer: its text, how it ended, its sources, and what can be done with it. */
export const Answer = memo(function Answer(props: { message: ChatMessage; isRunning: boolean; onRegenerate?: (() => void) | undefined }) {
  const { message, isRunning, onRegenerate } = props;
  const text = textOf(message);
  const ending = message.metadata?.ending;
  const cut = isRunning || ending === 'complete' ? undefined : cuts[ending ?? 'interrupted'];
  return (
    <>
      <div className="answer-text" data-testid="message-text">
        <Markdown text={text} />
        {isRunning && text === '' && <Waiting />}
      </div>
      <Sources message={message} />
      {cut !== undefined && (
        <p className="ending" data-testid="ending" data-ending={ending ?? 'interrupted'}>
          <AlertIcon />
          {cut}
        </p>
      )}
      {!isRunning && (
        <div className="answer-actions">
          {text !== '' && <CopyButton text={text} />}
          {onRegenerate !== undefined && (
            <button
              type="button"
              className="quiet-button"
              data-testid="regenerate"
              aria-label="Regenerate the answer"
              onClick={onRegenerate}
            >
              <RedoIcon />
              <span>Regenerate</span>
            </button>
          )}
        </div>
      )}
    </>
  );
});

/** Three dots until the first word comes. */
export function Waiting() {
  return (
    <span className="waiting">
      <span className="visually-hidden">Waiting for the answer</span>
      <span className="waiting-dot" />
      <span className="waiting-dot" />
      <span className="waiting-dot" />
    </span>
  );
}

function Sources({ message }: { message: ChatMessage }) {
  const sources = message.parts.filter((part) => part.type === 'source-url' || part.type === 'source-document');
  if (sources.length === 0) return null;
  return (
    <ul className="sources" aria-label="Sources">
      {sources.map((source) => (
        <li key={source.sourceId}>
          {source.type === 'source-url' && /^https?:/i.test(source.url) ? (
            <a href={source.url} target="_blank" rel="noopener noreferrer nofollow">
              {source.title ?? source.url}
            </a>
          ) : (
            (source.title ?? 'Document')
          )}
        </li>
      ))}
    </ul>
  );
}
