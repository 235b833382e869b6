import { ChevronDownIcon, DropdownMenu, useGraphiQL, useGraphiQLActions } from '@graphiql/react';

import { EXAMPLES } from './examples.js';

/** Brings an example back, whatever became of the first tabs. */
export function ExamplesMenu() {
  const { addTab, changeTab } = useGraphiQLActions();
  const tabs = useGraphiQL((state) => state.tabs);
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);

  function show(example) {
    const open = tabs.findIndex((tab) => tab.query === example.query);
    if (open >= 0) {
      changeTab(open);
      return;
    }
    addTab();
    queryEditor?.setValue(example.query);
    variableEditor?.setValue(example.variables ?? '');
  }

  return (
    <DropdownMenu>
      <DropdownMenu.Button className="examples-button">
        Examples <ChevronDownIcon aria-hidden="true" />
      </DropdownMenu.Button>
      <DropdownMenu.Content>
        {EXAMPLES.map((example) => (
          <DropdownMenu.Item key={example.label} onSelect={() => show(example)}>
            {example.label}
          </DropdownMenu.Item>
        ))}
      </DropdownMenu.Content>
    </DropdownMenu>
  );
}
