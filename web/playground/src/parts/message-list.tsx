import { type ChatMessage, type QueuePlace, textOf } from '../chat/chat-message.ts';
import { Answer, Waiting } from './answer.tsx';
import { Mark } from './icons.tsx';

/** The conversation. A greeting stands before the first message. */
export function MessageList(props: {
  messages: ChatMessage[];
  botName: string;
  greeting?: string | null | undefined;
  isActive: boolean;
  /** The last request ended with an error: an answer without an ending is then a broken one. */
  hasFailed: boolean;
  queue: QueuePlace | undefined;
  onRegenerate: () => void;
}) {
  const { messages, isActive, hasFailed, queue, botName, greeting } = props;
  const last = messages.at(-1);
  return (
    <ol className="messages" data-testid="messages" aria-busy={isActive}>
      {greeting != null && greeting !== '' && (
        <li className="message" data-testid="greeting">
          <Speaker name={botName} />
          <p className="answer-text">{greeting}</p>
        </li>
      )}
      {messages.map((message) => (
        <li
          key={message.id}
          className={`message message-${message.role}`}
          data-testid="message"
          data-role={message.role}
          data-id={message.id}
        >
          {message.role === 'user' ? (
            <>
              <span className="visually-hidden">You said: </span>
              <p className="question" data-testid="message-text">
                {textOf(message)}
              </p>
            </>
          ) : (
            <>
              <Speaker name={botName} />
              <Answer
                message={message}
                isRunning={message === last && (isActive || (!hasFailed && message.metadata?.ending === undefined))}
                onRegenerate={message === last ? props.onRegenerate : undefined}
              />
            </>
          )}
        </li>
      ))}
      {isActive && last?.role === 'user' && (
        <li className="message message-assistant message-expected">
          <Speaker name={botName} />
          <Waiting />
        </li>
      )}
      {isActive && queue !== undefined && (
        <li>
          <p className="queue" data-testid="queue" role="status">
            {queueWords(queue)}
          </p>
        </li>
      )}
    </ol>
  );
}

function Speaker({ name }: { name: string }) {
  return (
    <span className="speaker">
      <Mark />
      {name}
    </span>
  );
}

function queueWords({ position, estimated_wait_seconds: wait }: QueuePlace): string {
  const place = `Position ${position} in the queue`;
  return wait == null ? place : `${place}, about ${Math.max(1, Math.round(wait))} s`;
}
