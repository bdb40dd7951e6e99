import { GraphiQL } from "graphiql";
import { useEffect, useState } from "react";

import { examples } from "./examples.js";
import { KeyBar } from "./key-bar.jsx";
import { askViewer, fetcherFor, fetcherWithoutKey, storedKey } from "./vigie.js";

const signedOut = { fetcher: fetcherWithoutKey, viewer: null, refusal: null };

export function App() {
  const [session, setSession] = useState(signedOut);

  async function enter(key) {
    const fetcher = fetcherFor(key);
    try {
      const viewer = await askViewer(fetcher);
      storedKey.set(key);
      setSession({ fetcher, viewer, refusal: null });
    } catch (error) {
      storedKey.forget();
      setSession({ ...signedOut, refusal: error.message });
    }
  }

  function leave() {
    storedKey.forget();
    setSession(signedOut);
  }

  useEffect(() => {
    if (storedKey.get()) enter(storedKey.get());
  }, []);

  // GraphiQL reads the schema again whenever `fetcher` or `schema` changes; null means: do not ask.
  return (
    <div className="graphiql-container vigie">
      <KeyBar viewer={session.viewer} refusal={session.refusal} onEnter={enter} onLeave={leave} />
      <GraphiQL fetcher={session.fetcher} schema={session.viewer ? undefined : null} defaultTabs={examples}>
        <GraphiQL.Logo>GraphiQL</GraphiQL.Logo>
      </GraphiQL>
    </div>
  );
}
