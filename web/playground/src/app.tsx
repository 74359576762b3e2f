import { useCallback, useState } from 'react';
import type { Bot } from './api/bots.ts';
import type { Credentials } from './api/credentials.ts';
import { type Demo, demoCredentials } from './api/demo.ts';
import { MemberSession } from './api/member-session.ts';
import { readJson, writeJson } from './state/stored-json.ts';
import { BotsView } from './views/bots-view.tsx';
import { ChatView } from './views/chat-view.tsx';
import { WelcomeView } from './views/welcome-view.tsx';

interface Place {
  demo?: Demo;
  bot?: Bot;
}

const placeKey = 'parley.place';
const storage = () => sessionStorage;

/** The playground: welcome, bots, chat. */
export function App() {
  const [member, setMember] = useState(() => MemberSession.restore());
  const [place, setPlace] = useState<Place>(() => (readJson(storage, placeKey) as Place | undefined) ?? {});
  const [notice, setNotice] = useState<string>();

  const go = useCallback((next: Place) => {
    writeJson(storage, placeKey, next);
    setPlace(next);
  }, []);
  const leave = useCallback(
    (reason?: string) => {
      member?.forget();
      setMember(undefined);
      setNotice(reason);
      go({});
    },
    [member, go],
  );
  const signedOut = useCallback(() => leave('You have been signed out. Please sign in again.'), [leave]);

  if (member !== undefined && place.bot === undefined) {
    return <BotsView session={member} onPick={(bot) => go({ bot })} onSignOut={() => leave()} onSignedOut={signedOut} />;
  }
  const chat = chatOf(member, place);
  if (chat !== undefined) {
    return (
      <ChatView
        key={`${chat.credentials.owner}/${chat.bot.id}`}
        credentials={chat.credentials}
        bot={chat.bot}
        onLeave={() => (member === undefined ? leave() : go({}))}
        onSignedOut={signedOut}
      />
    );
  }
  return (
    <WelcomeView
      notice={notice}
      onMember={(session) => {
        setNotice(undefined);
        setMember(session);
        go({});
      }}
      onDemo={(demo) => go({ demo })}
    />
  );
}

const demoCache = new WeakMap<Demo, Credentials>();

function chatOf(member: MemberSession | undefined, { demo, bot }: Place): { credentials: Credentials; bot: Bot } | undefined {
  if (member !== undefined) return bot === undefined ? undefined : { credentials: member, bot };
  if (demo === undefined) return undefined;
  const credentials = demoCache.get(demo) ?? demoCredentials(demo);
  demoCache.set(demo, credentials);
  return { credentials, bot: { id: demo.bot_id, name: demo.bot_name ?? 'Demo bot', greeting: demo.greeting ?? null } };
}
