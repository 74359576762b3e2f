import { type KeyboardEvent, type RefObject, useState } from 'react';
import { SendIcon, StopIcon } from './icons.tsx';

const maxBytes = 64 * 1024;

/** Where a question is written. Enter sends, Shift+Enter starts a line. */
export function Composer(props: {
  input: RefObject<HTMLTextAreaElement | null>;
  botName: string;
  isActive: boolean;
  onSend: (text: string) => void;
  onStop: () => void;
}) {
  const { input, botName, isActive, onSend, onStop } = props;
  const [text, setText] = useState('');
  const isTooLong = text.length * 3 > maxBytes && new TextEncoder().encode(text).length > maxBytes;
  const canSend = !isActive && !isTooLong && text.trim() !== '';

  const send = () => {
    if (!canSend) return;
    onSend(text.trim());
    setText('');
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label className="visually-hidden" htmlFor="question">
        Your message to {botName}
      </label>
      <div className="composer-box">
        <textarea
          id="question"
          ref={input}
          className="composer-input"
          data-testid="composer"
          rows={1}
          placeholder={`Message ${botName}`}
          value={text}
          aria-describedby="composer-hint"
          aria-invalid={isTooLong}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
        />
        {isActive ? (
          <button
            type="button"
            className="round-button round-button-stop"
            data-testid="stop"
            aria-label="Stop the answer"
            title="Stop"
            onClick={() => {
              onStop();
              input.current?.focus();
            }}
          >
            <StopIcon />
          </button>
        ) : (
          <button type="submit" className="round-button" data-testid="send" aria-label="Send" title="Send" disabled={!canSend}>
            <SendIcon />
          </button>
        )}
      </div>
      <p id="composer-hint" className={isTooLong ? 'composer-hint composer-hint-bad' : 'composer-hint'}>
        {isTooLong ? 'This is too long: a message has room for 64 KiB.' : 'Enter sends · Shift + Enter starts a new line'}
      </p>
    </form>
  );
}
