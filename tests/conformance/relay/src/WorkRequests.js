// What a Relay application writes against our schema: a list with pages, one object by its id, a mutation that puts its
// result into the list, and a subscription. relay-compiler must accept all of it.
import { graphql } from 'react-relay';

export const row = graphql`
  fragment WorkRequests_row on WorkRequest {
    id
    taskName
    status
    result
    createdAt
    duration
    worker { id name }
  }
`;

export const list = graphql`
  fragment WorkRequests_list on Query
  @refetchable(queryName: "WorkRequestsPageQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "Cursor" }) {
    workRequests(first: $count, after: $cursor) @connection(key: "WorkRequests_workRequests") {
      edges { node { id ...WorkRequests_row } }
    }
  }
`;

export const detail = graphql`
  fragment WorkRequests_detail on WorkRequest
  @refetchable(queryName: "WorkRequestsDetailQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 10 }, cursor: { type: "Cursor" }) {
    ...WorkRequests_row
    taskData
    outputData
    children(first: $count, after: $cursor) @connection(key: "WorkRequests_children") {
      edges { node { ...WorkRequests_row } }
    }
  }
`;

export const query = graphql`
  query WorkRequestsQuery($id: ID!) {
    ...WorkRequests_list
    node(id: $id) { id ...WorkRequests_detail @alias }
    viewer { user { username } }
  }
`;

export const create = graphql`
  mutation WorkRequestsCreateMutation($input: CreateWorkRequestInput!, $connections: [ID!]!) {
    createWorkRequest(input: $input) {
      workRequest @appendNode(connections: $connections, edgeTypeName: "WorkRequestEdge") {
        ...WorkRequests_row
      }
      userErrors { code message path }
    }
  }
`;

export const changed = graphql`
  subscription WorkRequestsChangedSubscription($after: Cursor) {
    workRequestChanged(after: $after) {
      cursor
      type
      workRequest { ...WorkRequests_row }
    }
  }
`;
