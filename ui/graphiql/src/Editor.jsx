import './workers.js';
import './editor.css';

import { explorerPlugin } from '@graphiql/plugin-explorer';
import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { pick, useGraphiQL, useGraphiQLActions, useMonaco } from '@graphiql/react';
import { GraphiQL } from 'graphiql';
import { useEffect, useMemo, useRef } from 'react';

import { CursorBar } from './CursorBar.jsx';
import { Cursors } from './cursors.js';
import { EXAMPLES } from './examples.js';
import { ExamplesMenu } from './ExamplesMenu.jsx';
import { createFetcher } from './fetcher.js';
import { Live } from './live.js';
import { LIVE_EVENTS, LiveContext } from './LiveEvents.jsx';
import { writeVariable } from './operations.js';
import { isUnauthenticated } from './session.js';

const PLUGINS = [LIVE_EVENTS, HISTORY_PLUGIN, explorerPlugin()];
const TABS = EXAMPLES.map(({ query, variables }) => ({ query, variables }));
const EDITOR_OPTIONS = { fontSize: 13, wordWrap: 'on', wrappingIndent: 'indent' };
/** Variables that may be left empty: each is then the id that its mutation answered last. */
const LATEST = {
  id: { kept: 'graphiql:workyard:submitted', of: (data) => data?.createWorkRequest?.workRequest?.id },
  taskId: { kept: 'graphiql:workyard:sent', of: (data) => data?.enqueueTask?.task?.id },
};

/** GraphiQL, once Monaco is there: before, a click on a tab would show that tab with another one's text. */
export default function Editor({ waiting, ...props }) {
  const { monaco, actions } = useMonaco();
  useEffect(() => {
    actions.initialize({});
  }, [actions]);
  return monaco ? <Explorer {...props} /> : waiting;
}

/** GraphiQL, with subscriptions that outlive a change of tab and continue from their last cursor. */
function Explorer({ endpoint, username, onDoubt }) {
  const graphiql = useRef(null); // GraphiQL's actions and editors, once it is there
  const inFront = useRef(null);

  const live = useMemo(
    () => new Live({ endpoint, cursors: new Cursors(username), onDoubt }),
    [endpoint, username, onDoubt],
  );
  useEffect(() => () => live.dispose(), [live]);

  const fetcher = useMemo(
    () => createFetcher({ endpoint, live, tab: () => inFront.current, prepare, noteAnswer, onDoubt }),
    [endpoint, live, onDoubt],
  );

  /** Fill in what was left empty. */
  function prepare(operation, variables) {
    const filled = { ...variables };
    for (const [name, { kept }] of Object.entries(LATEST)) {
      const latest = localStorage.getItem(kept);
      if (operation.declares.has(name) && !variables[name] && latest) {
        graphiql.current?.setVariable(name, latest);
        filled[name] = latest;
      }
    }
    return filled;
  }

  function noteAnswer(answer) {
    for (const { kept, of } of Object.values(LATEST)) {
      const id = of(answer?.data);
      if (id) {
        localStorage.setItem(kept, id);
      }
    }
    if (answer?.errors?.some(isUnauthenticated)) {
      onDoubt();
    }
  }

  function onTabChange({ tabs, activeTabIndex }) {
    const tab = tabs[activeTabIndex].id;
    live.tabsChanged(new Set(tabs.map((one) => one.id)), tab);
    if (inFront.current !== tab) {
      inFront.current = tab;
      if (live.running(tab)) {
        // After GraphiQL has finished changing the tab: running it now reads on where it is.
        setTimeout(() => inFront.current === tab && graphiql.current?.run());
      }
    }
  }

  return (
    <LiveContext.Provider value={live}>
      <GraphiQL
        fetcher={fetcher}
        defaultTabs={TABS}
        plugins={PLUGINS}
        visiblePlugin={LIVE_EVENTS}
        defaultEditorToolsVisibility="variables"
        shouldPersistHeaders={false}
        showPersistHeadersSettings={false}
        onTabChange={onTabChange}
      >
        <GraphiQL.Logo>
          <ExamplesMenu />
        </GraphiQL.Logo>
        <GraphiQL.Footer>
          <Reach graphiql={graphiql} />
          <EditorOptions />
          <CursorBar />
        </GraphiQL.Footer>
      </GraphiQL>
    </LiveContext.Provider>
  );
}

/** The comments of the examples are sentences, so lines are wrapped; smaller letters leave room for answers. */
function EditorOptions() {
  const editors = useGraphiQL(pick('queryEditor', 'variableEditor', 'headerEditor', 'responseEditor'));
  useEffect(() => {
    Object.values(editors).forEach((editor) => editor?.updateOptions(EDITOR_OPTIONS));
  }, [editors]);
  return null;
}

/** Lets what stands outside of GraphiQL reach into it. Draws nothing. */
function Reach({ graphiql }) {
  const { run } = useGraphiQLActions();
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  useEffect(() => {
    graphiql.current = {
      run,
      setVariable: (name, value) => variableEditor?.setValue(writeVariable(variableEditor.getValue(), name, value)),
    };
  }, [graphiql, run, variableEditor]);
  return null;
}
