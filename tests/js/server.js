// A real server for modules that fetch: serve({ "/path": (request, response) => … }) while a test runs.
import { createServer } from "node:http";

export const serve = async (t, routes) => {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request);
    const route = routes[new URL(request.url, "http://test").pathname];
    if (route) return route(request, response);
    response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return { origin: `http://127.0.0.1:${server.address().port}`, asked };
};

export const json = (value) => (_request, response) =>
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(value));
