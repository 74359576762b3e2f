import { Mark } from './icons.tsx';

const suggestions = [
  'What can you help me with?',
  'Explain idempotency with an everyday example',
  'Write a haiku about a message that always arrives',
];
const maxTitle = 120;

/** What stands in an empty conversation: the greeting and three ways to begin. */
export function EmptyState(props: { botName: string; greeting?: string | null | undefined; onPick: (text: string) => void }) {
  const greeting = props.greeting ?? '';
  const isTitle = greeting !== '' && greeting.length <= maxTitle;
  return (
    <div className="empty">
      <Mark />
      <h2>{isTitle ? greeting : `Say hello to ${props.botName}`}</h2>
      {!isTitle && greeting !== '' && <p className="empty-greeting">{greeting}</p>}
      <p>Reload the page in the middle of an answer, or lose the network: it goes on where it was.</p>
      <ul className="chips" aria-label="Suggestions">
        {suggestions.map((text) => (
          <li key={text}>
            <button type="button" className="chip" data-testid="suggestion" onClick={() => props.onPick(text)}>
              {text}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
