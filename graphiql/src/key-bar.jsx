import { useState } from "react";

import lookout from "./lookout.svg";

export function KeyBar({ viewer, refusal, onEnter, onLeave }) {
  return (
    <header className="vigie-bar">
      <img src={lookout} alt="" />
      <h1>Vigie</h1>
      {viewer ? <Viewer viewer={viewer} onLeave={onLeave} /> : <KeyForm refusal={refusal} onEnter={onEnter} />}
    </header>
  );
}

function KeyForm({ refusal, onEnter }) {
  const [key, setKey] = useState("");
  const [asking, setAsking] = useState(false);

  async function submit(event) {
    event.preventDefault();
    setAsking(true);
    await onEnter(key.trim());
    setAsking(false);
  }

  return (
    <>
      <p className={refusal ? "vigie-refusal" : "vigie-hint"} role="status">
        {refusal ?? (
          <>
            Vigie answers to those who hold an API key. The first admin key was printed once, in the terminal where
            Vigie first started; <code>vigie keys create --role admin</code> makes another.
          </>
        )}
      </p>
      <form onSubmit={submit}>
        <label htmlFor="api-key">API key</label>
        <input
          id="api-key"
          type="password"
          autoComplete="off"
          autoFocus
          required
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
        <button disabled={asking}>Use key</button>
      </form>
    </>
  );
}

function Viewer({ viewer, onLeave }) {
  return (
    <>
      <p className="vigie-viewer" role="status">
        Key <strong>{viewer.name}</strong> · {viewer.role.toLowerCase()} of project{" "}
        <strong>{viewer.project.name}</strong>
      </p>
      <button onClick={onLeave}>Forget key</button>
    </>
  );
}
