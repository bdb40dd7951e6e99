const viewer = `# Ctrl-Enter runs this. The other tabs hold
# the last week's figures and a live feed.

query Viewer {
  viewer {
    name
    role
    project {
      id
      name
    }
  }
}
`;

const lastWeek = `query LastWeek {
  metrics(period: { last: "P7D" }) {
    asOf
    usage {
      totals {
        requests
        costUsd
        tokens { input output }
        latency { p50Ms p95Ms }
      }
      byModel: breakdown(
        by: MODEL
        orderBy: COST
        first: 5
      ) {
        edges {
          node {
            key
            totals { requests costUsd }
          }
        }
      }
    }
  }
}
`;

const live = `# Run this, then send an event to
# POST /v1/events: it shows up here.

subscription Live {
  activity {
    cursor
    missed
    events {
      time
      kind
      title
    }
  }
}
`;

/** The tabs of a first visit; later visits find their own again. */
export const examples = [viewer, lastWeek, live].map((query) => ({ query }));
