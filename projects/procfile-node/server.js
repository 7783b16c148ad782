// A web application without dependencies whose page tells the commit it was built of.
const http = require("node:http");

const page = `commit ${process.env.SOURCE_VERSION}\nby Node.js\n`;

const server = http.createServer((request, response) => {
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.end(page);
});

server.listen(process.env.PORT);
// a container's first process gets no default handlers: without this, a stop takes ten seconds
process.on("SIGTERM", () => process.exit(0));
