// The operations that a newcomer finds in the first tabs: one file each, checked against the schema by a test.

const texts = import.meta.glob('../examples/*.graphql', { query: '?raw', import: 'default', eager: true });
const variables = import.meta.glob('../examples/*.variables.json', { query: '?raw', import: 'default', eager: true });

export const EXAMPLES = Object.entries(texts)
  .sort(([a], [b]) => a.localeCompare(b))
  .map(([path, query]) => ({
    label: query.match(/^# (.*?)\.?$/m)[1],
    query,
    variables: variables[path.replace('.graphql', '.variables.json')]?.trim() ?? null,
  }));
