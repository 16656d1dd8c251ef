#include "net/http_parser.hpp"

#include <gtest/gtest.h>

namespace stratos::http {
namespace {

// 0 when accepted, else the status of the refusal.
int request_status(const std::string& head) {
  const auto parsed = parse_request_head(head);
  return parsed ? 0 : parsed.error().status;
}
std::string with_fields(const std::string& fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

TEST(RequestHead, IsTakenApart) {
  const auto head = parse_request_head(
      "PUT /b/k?x=1 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 12\r\nX-Odd:  \t v w\t \r\n"
      "Expect: 100-Continue\r\nEmpty:\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->method, "PUT");
  EXPECT_EQ(head->target, "/b/k?x=1");
  EXPECT_EQ(head->headers.get("x-odd"), "v w");
  EXPECT_EQ(head->headers.get("empty"), "");
  EXPECT_EQ(head->body.kind, Framing::sized);
  EXPECT_EQ(head->body.length, 12U);
  EXPECT_TRUE(head->expects_continue);
  EXPECT_TRUE(head->keep_alive);
}

TEST(RequestHead, DecidesWhetherTheConnectionStays) {
  struct Case {
    std::string head;
    bool keep_alive;
  };
  for (const auto& [head, keep_alive] :
       std::vector<Case>{{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
                         {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
                         {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", false},
                         {"GET / HTTP/1.0\r\n\r\n", false},
                         {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
                         {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false}}) {
    EXPECT_EQ(parse_request_head(head)->keep_alive, keep_alive) << head;
  }
}

TEST(RequestHead, TakesAbsoluteTargetsAndTheirAuthority) {
  const auto head = parse_request_head("GET http://b:90/p?q HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->target, "/p?q");
  EXPECT_EQ(head->headers.get("host"), "b:90");
  EXPECT_EQ(parse_request_head("GET HTTPS://b HTTP/1.1\r\nHost: a\r\n\r\n")->target, "/");
  EXPECT_EQ(parse_request_head("GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n")->target, "/?q");
  EXPECT_EQ(parse_request_head("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")->target, "*");
}

TEST(RequestHead, RefusesBadRequestLines) {
  struct Case {
    std::string line;
    int status;
  };
  for (const auto& [line, status] : std::vector<Case>{{"GET", 400},
                                                      {"GET /", 400},
                                                      {"GET  / HTTP/1.1", 400},
                                                      {"GET /  HTTP/1.1", 400},
                                                      {" GET / HTTP/1.1", 400},
                                                      {"GET / HTTP/1.1 ", 400},
                                                      {"GET\t/ HTTP/1.1", 400},
                                                      {"GET /a b HTTP/1.1", 400},
                                                      {"G(T / HTTP/1.1", 400},
                                                      {std::string(33, 'G') + " / HTTP/1.1", 400},
                                                      {"GET a HTTP/1.1", 400},
                                                      {"GET * HTTP/1.1", 400},
                                                      {"GET /#f HTTP/1.1", 400},
                                                      {"GET /\x01 HTTP/1.1", 400},
                                                      {std::string("GET /\0 HTTP/1.1", 15), 400},
                                                      {"GET /\x7f HTTP/1.1", 400},
                                                      {"GET http:///p HTTP/1.1", 400},
                                                      {"GET http://u@h/p HTTP/1.1", 400},
                                                      {"GET ftp://h/p HTTP/1.1", 400},
                                                      {"CONNECT h:1 HTTP/1.1", 400},
                                                      {"GET / HTTP/1.2", 505},
                                                      {"GET / HTTP/2.0", 505},
                                                      {"GET / HTTP/1.10", 400},
                                                      {"GET / http/1.1", 400},
                                                      {"GET / HTTP/11", 400},
                                                      {"GET / XTTP/1.1", 400},
                                                      {"GET / HTTP/1.1\r", 400}}) {
    EXPECT_EQ(request_status(line + "\r\nHost: a\r\n\r\n"), status) << line;
  }
}

TEST(RequestHead, RefusesBadFields) {
  struct Case {
    std::string fields;
    int status;
  };
  for (const auto& [fields, status] : std::vector<Case>{{"A: 1\n", 400},
                                                        {"A: 1\r\n B: 2\r\n", 400},
                                                        {"A: 1\r\n\tB\r\n", 400},
                                                        {" A: 1\r\n", 400},
                                                        {"A : 1\r\n", 400},
                                                        {"A\t: 1\r\n", 400},
                                                        {": 1\r\n", 400},
                                                        {"A\r\n", 400},
                                                        {"A B: 1\r\n", 400},
                                                        {"A: 1\r2\r\n", 400},
                                                        {std::string("A: 1\0\r\n", 7), 400},
                                                        {"A: \x0b"
                                                         "1\r\n",
                                                         400},
                                                        {"A(: 1\r\n", 400},
                                                        {"\xc3\xa4: 1\r\n", 400},
                                                        {"Host: b\r\n", 400},
                                                        {"Expect: else\r\n", 417}}) {
    EXPECT_EQ(request_status(with_fields(fields)), status) << fields;
  }
  EXPECT_EQ(request_status(with_fields("A: \xc3\xa4\r\n")), 0);
  EXPECT_EQ(request_status("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(request_status("GET / HTTP/1.0\r\n\r\n"), 0);
  EXPECT_EQ(request_status("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400);
  EXPECT_EQ(request_status("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400);
  EXPECT_EQ(request_status("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 0);
}

TEST(RequestHead, RefusesAmbiguousFraming) {
  struct Case {
    std::string fields;
    int status;
  };
  for (const auto& [fields, status] :
       std::vector<Case>{{"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400},
                         {"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", 400},
                         {"Content-Length: 5\r\nContent-Length: 6\r\n", 400},
                         {"Content-Length: 5, 5\r\n", 400},
                         {"Content-Length: +5\r\n", 400},
                         {"Content-Length: -5\r\n", 400},
                         {"Content-Length: 0x5\r\n", 400},
                         {"Content-Length: 5 5\r\n", 400},
                         {"Content-Length: 5a\r\n", 400},
                         {"Content-Length:\r\n", 400},
                         {"Content-Length: 18446744073709551616\r\n", 400},
                         {"Content-Length: 9223372036854775807\r\n", 400},
                         {"Content-Length : 5\r\n", 400},
                         {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
                         {"Transfer-Encoding: \x0b"
                          "chunked\r\n",
                          400},
                         {"Transfer-Encoding: gzip, chunked\r\n", 501},
                         {"Transfer-Encoding: chunked, identity\r\n", 501},
                         {"Transfer-Encoding: xchunked\r\n", 501},
                         {"Transfer-Encoding: identity\r\n", 501},
                         {"Transfer-Encoding: \"chunked\"\r\n", 501},
                         {"Transfer-Encoding:\r\n", 501}}) {
    EXPECT_EQ(request_status(with_fields(fields)), status) << fields;
  }
  EXPECT_EQ(request_status("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(parse_request_head(with_fields("Transfer-Encoding: CHUNKED\r\n"))->body.kind,
            Framing::chunked);
  EXPECT_EQ(
      parse_request_head(with_fields("Content-Length: 5\r\nContent-Length: 5\r\n"))->body.length,
      5U);
}

TEST(RequestHead, RefusesTooManyFields) {
  std::string fields;
  for (std::size_t i = 0; i < kMaxFields; ++i) fields += "a: b\r\n";
  EXPECT_EQ(request_status(with_fields(fields)), 431);
}

TEST(HeadEnd, IsFoundWhereverTheSearchBegins) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
  const std::size_t end = text.size() - 4;
  for (std::size_t from = 0; from <= end - 1; ++from) {
    EXPECT_EQ(find_head_end(text, from), end) << from;
    EXPECT_EQ(find_head_end(text.substr(0, from), from / 2), 0U) << from;
  }
  EXPECT_EQ(find_head_end("a\n\nb", 0), 3U);
}

TEST(ChunkSize, IsStrict) {
  EXPECT_EQ(parse_chunk_size("0").value(), 0U);
  EXPECT_EQ(parse_chunk_size("fF").value(), 255U);
  EXPECT_EQ(parse_chunk_size("a;name=\"v\"").value(), 10U);
  EXPECT_EQ(parse_chunk_size("fffffffffffffff").value(), 0xfffffffffffffffU);
  for (const std::string_view line :
       {"", "g", " 1", "1 ", "1 ;a", "-1", "+1", "0x1", "1,2", "1\t", "1;\x01", ";a",
        "1000000000000000", "ffffffffffffffffff", "00000000000000000001"}) {
    EXPECT_FALSE(parse_chunk_size(line)) << line;
  }
}

TEST(Trailers, AreFieldsThatDoNotFrame) {
  EXPECT_EQ(parse_trailers("x-sum: 1\r\n\r\n")->get("X-Sum"), "1");
  EXPECT_TRUE(parse_trailers("\r\n"));
  EXPECT_FALSE(parse_trailers("Content-Length: 1\r\n\r\n"));
  EXPECT_FALSE(parse_trailers("transfer-encoding: chunked\r\n\r\n"));
  EXPECT_FALSE(parse_trailers("host: b\r\n\r\n"));
  EXPECT_FALSE(parse_trailers("a: 1\r\n b\r\n\r\n"));
}

TEST(ResponseHead, KnowsHowItsBodyEnds) {
  struct Case {
    std::string head;
    bool to_head;
    Framing kind;
    bool keep_alive;
  };
  for (const auto& [head, to_head, kind, keep_alive] : std::vector<Case>{
           {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", false, Framing::sized, true},
           {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true, Framing::none, true},
           {"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", false, Framing::chunked, true},
           {"HTTP/1.1 200 \r\n\r\n", false, Framing::until_close, false},
           {"HTTP/1.1 204 No\r\n\r\n", false, Framing::none, true},
           {"HTTP/1.1 304 No\r\nContent-Length: 3\r\n\r\n", false, Framing::none, true},
           {"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", false, Framing::sized, false}}) {
    const auto parsed = parse_response_head(head, to_head);
    ASSERT_TRUE(parsed) << head;
    EXPECT_EQ(parsed->body.kind, kind) << head;
    EXPECT_EQ(parsed->keep_alive, keep_alive) << head;
  }
}

TEST(ResponseHead, RefusesWhatIsNone) {
  for (const std::string head :
       {"HTTP/1.1\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000\r\n\r\n", "SSH-2.0-x\r\n\r\n",
        "HTTP/1.1 099 X\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nbad\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}) {
    EXPECT_FALSE(parse_response_head(head, false)) << head;
  }
}

TEST(Lists, AreSearchedWithoutCase) {
  EXPECT_TRUE(list_has("a, Close ,b", "close"));
  EXPECT_FALSE(list_has("closed, xclose", "close"));
  EXPECT_FALSE(list_has("", "close"));
}

TEST(HeadersType, ReplacesAndFindsWithoutCase) {
  Headers headers;
  headers.add("A", "1");
  headers.add("a", "2");
  EXPECT_EQ(headers.get("a"), "1");
  headers.set("A", "3");
  EXPECT_EQ(headers.items().size(), 1U);
  EXPECT_EQ(headers.get("a"), "3");
  EXPECT_FALSE(headers.has("b"));
}

}  // namespace
}  // namespace stratos::http
