import { parse as parseGraphQL } from 'graphql';
import { applyEdits, modify, parse as parseJSON } from 'jsonc-parser';

/**
 * What a tab would run: its kind, its name, and which variables it declares. Null when the text is no GraphQL,
 * or has several operations and `operationName` names none of them.
 */
export function describeOperation(text, operationName) {
  const operations = definitions(text).filter((one) => one.kind === 'OperationDefinition');
  // GraphiQL learns the name a moment after the text changed; with one operation there is no choice to make.
  const operation =
    operations.length === 1 ? operations[0] : operations.find((one) => one.name?.value === operationName);
  if (!operation) {
    return null;
  }
  const root = operation.selectionSet.selections.find((one) => one.kind === 'Field');
  return {
    kind: operation.operation,
    operationName: operation.name?.value,
    title: operation.name?.value ?? root?.name.value ?? operation.operation,
    declares: new Set(operation.variableDefinitions.map((one) => one.variable.name.value)),
  };
}

/** The variables in a tab's text, comments allowed; {} when there are none, or when it is no JSON object. */
export function readVariables(text) {
  const value = parseJSON(text ?? '', [], { allowTrailingComma: true });
  return value && typeof value === 'object' && !Array.isArray(value) ? value : {};
}

/** The same text with one variable set; comments and layout stay. */
export function writeVariable(text, name, value) {
  const options = { formattingOptions: { insertSpaces: true, tabSize: 2 } };
  const base = text?.trim() ? text : '{}';
  return applyEdits(base, modify(base, [name], value, options));
}

/** Equal for two runs that follow the same thing, wherever each began. */
export function streamKey(operation, variables) {
  const { after: _, ...rest } = variables ?? {};
  return `${operation.title} ${JSON.stringify(Object.entries(rest).sort())}`;
}

function definitions(text) {
  try {
    return parseGraphQL(text ?? '', { noLocation: true }).definitions;
  } catch {
    return [];
  }
}
