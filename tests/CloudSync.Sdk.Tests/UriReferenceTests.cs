using Xunit;

namespace CloudSync.Sdk.Tests;

/// <summary>RFC 3986: those of its own examples that could be sources, and what it has no rule for.</summary>
public sealed class UriReferenceTests
{
    [Theory]
    [InlineData("ftp://ftp.is.co.za/rfc/rfc1808.txt")]
    [InlineData("http://www.ietf.org/rfc/rfc2396.txt")]
    [InlineData("ldap://[2001:db8::7]/c=GB?objectClass?one")]
    [InlineData("mailto:John.Doe@example.com")]
    [InlineData("news:comp.infosystems.www.servers.unix")]
    [InlineData("tel:+1-816-555-1212")]
    [InlineData("telnet://192.0.2.16:80/")]
    [InlineData("urn:oasis:names:specification:docbook:dtd:xml:4.1.2")]
    [InlineData("foo://user:secret@example.com:8042/over/there?name=ferret#nose")]
    [InlineData("http://[v7.a:b]:/")]
    [InlineData("a:b:c")]
    [InlineData("a:")]
    [InlineData("file:///etc/hosts")]
    [InlineData("//host/path")]
    [InlineData("//")]
    [InlineData("/")]
    [InlineData("/a//b/")]
    [InlineData(".")]
    [InlineData("../g;x=1/./y")]
    [InlineData("./a:b")]
    [InlineData("g?y/./x#s/../x")]
    [InlineData("?y")]
    [InlineData("#frag")]
    [InlineData("#")]
    [InlineData("@user")]
    [InlineData("%C3%BC")]
    [InlineData("/gr\u00fcn/\U0001F600")]
    public void It_is_one(string text) => Assert.True(UriReference.IsOne(text));

    [Theory]
    [InlineData("a b")]
    [InlineData("/a\n")]
    [InlineData("a#b#c")]
    [InlineData("1:b")]
    [InlineData(":a")]
    [InlineData("%")]
    [InlineData("%4")]
    [InlineData("%zz")]
    [InlineData("a|b")]
    [InlineData("<a>")]
    [InlineData("\"a\"")]
    [InlineData("C:\\orders")]
    [InlineData("/a[1]")]
    [InlineData("http://[::1")]
    [InlineData("http://host:port/")]
    [InlineData("http://a@b@c/")]
    [InlineData("/\ud800")]
    public void It_is_none(string text) => Assert.False(UriReference.IsOne(text));
}
