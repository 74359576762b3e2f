import { useChat } from '@ai-sdk/react';
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { Bot } from '../api/bots.ts';
import type { Credentials } from '../api/credentials.ts';
import { Conversation } from '../chat/conversation.ts';
import { ConversationStore } from '../chat/conversation-store.ts';
import { Announcer } from '../parts/announcer.tsx';
import { Composer } from '../parts/composer.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Footer } from '../parts/footer.tsx';
import { Header } from '../parts/header.tsx';
import { BackIcon, ComposeIcon } from '../parts/icons.tsx';
import { MessageList } from '../parts/message-list.tsx';
import { ProblemNotice } from '../parts/problem-notice.tsx';
import { ScrollArea } from '../parts/scroll-area.tsx';
import { StatusPill } from '../parts/status-pill.tsx';

const throttleMs = 50;

/** A conversation with one bot. */
export function ChatView(props: { credentials: Credentials; bot: Bot; onLeave: () => void; onSignedOut: () => void }) {
  const { credentials, bot, onLeave, onSignedOut } = props;
  const [store] = useState(() => new ConversationStore(credentials.owner, bot.id));
  const [conversation, setConversation] = useState(() => new Conversation(credentials, store, bot.id, store.load(), onSignedOut));
  const { messages, status } = useChat({ chat: conversation.chat, throttle: throttleMs });
  const {
    link,
    queue,
    problem,
    greeting: told,
    isRecovering,
    isLoading,
  } = useSyncExternalStore(conversation.subscribe, conversation.snapshot);
  const greeting = told ?? bot.greeting;
  const input = useRef<HTMLTextAreaElement>(null);
  const [questions, setQuestions] = useState(0);

  useEffect(() => {
    void conversation.open();
    input.current?.focus();
    return () => conversation.close();
  }, [conversation]);

  const isActive = status === 'submitted' || status === 'streaming' || isRecovering;
  const isUnanswered = !isActive && problem === undefined && messages.at(-1)?.role === 'user';
  const send = (text: string) => {
    setQuestions(questions + 1);
    void conversation.send(text);
  };
  const regenerate = useCallback(() => {
    input.current?.focus();
    void conversation.regenerate();
  }, [conversation]);
  const retry = () => {
    input.current?.focus();
    void conversation.retry();
  };
  const startOver = () => {
    conversation.close();
    setConversation(new Conversation(credentials, store, bot.id, store.begin(), onSignedOut));
  };

  return (
    <div className="shell shell-chat">
      <Header
        actions={
          <>
            <StatusPill link={link} />
            <button
              type="button"
              className="icon-button"
              data-testid="new-conversation"
              aria-label="New conversation"
              title="New conversation"
              onClick={startOver}
            >
              <ComposeIcon />
            </button>
          </>
        }
      >
        <button
          type="button"
          className="icon-button"
          data-testid="leave"
          aria-label={credentials.kind === 'member' ? 'Back to your bots' : 'Leave the demo'}
          title={credentials.kind === 'member' ? 'Your bots' : 'Leave the demo'}
          onClick={onLeave}
        >
          <BackIcon />
        </button>
        <h1 className="header-title">{bot.name}</h1>
      </Header>
      <main className="chat">
        <ScrollArea pinKey={questions}>
          {messages.length === 0 && !isActive && !isLoading ? (
            <EmptyState botName={bot.name} greeting={greeting} onPick={send} />
          ) : (
            <MessageList
              messages={messages}
              botName={bot.name}
              greeting={greeting}
              isActive={isActive}
              hasFailed={status === 'error'}
              queue={queue}
              onRegenerate={regenerate}
            />
          )}
          {problem !== undefined && (
            <ProblemNotice problem={problem}>
              {messages.length > 0 && (
                <button type="button" className="button button-small" data-testid="retry" onClick={retry}>
                  Try again
                </button>
              )}
              {!isRecovering && (
                <button type="button" className="quiet-button" onClick={() => conversation.dismissProblem()}>
                  Dismiss
                </button>
              )}
            </ProblemNotice>
          )}
          {isUnanswered && !isLoading && (
            <div className="unanswered" data-testid="unanswered">
              <span>There is no answer to this message.</span>
              <button type="button" className="button button-small" data-testid="retry" onClick={retry}>
                Try again
              </button>
            </div>
          )}
          {isRecovering && problem === undefined && (link.kind === 'waiting' || link.kind === 'offline') && (
            <div className="unanswered" data-testid="recovering">
              <span>
                {link.kind === 'offline'
                  ? 'You are offline. The answer goes on as soon as the network is back.'
                  : 'The connection was lost. The answer goes on at the server.'}
              </span>
              <button type="button" className="button button-small" onClick={retry}>
                Reconnect now
              </button>
            </div>
          )}
        </ScrollArea>
        <Announcer key={conversation.chat.id} messages={messages} isActive={isActive} />
        <div className="column">
          <Composer input={input} botName={bot.name} isActive={isActive} onSend={send} onStop={() => void conversation.stop()} />
        </div>
      </main>
      <Footer />
    </div>
  );
}
