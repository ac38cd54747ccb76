using System.Text.RegularExpressions;

namespace CloudSync.Sdk;

/// <summary>
/// A URI-reference (RFC 3986, 4.1), which CloudEvents asks <c>source</c> to be: <c>/orders</c>, <c>urn:shop:7</c>, <c>#one</c>. <see cref="Uri"/> refuses some of them. Characters beyond ASCII are let pass, as in an IRI (RFC 3987).
/// </summary>
internal static partial class UriReference
{
    private const string Plain = @"(?:[A-Za-z0-9\-._~!$&'()*+,;=\u00A0-\uD7FF\uF900-\uFDCF\uFDF0-\uFFEF]|[\uD800-\uDBFF][\uDC00-\uDFFF]|%[0-9A-Fa-f]{2})";
    private const string Any = $"(?:{Plain}|[:@])";
    private const string Segments = $"(?:/{Any}*)*";
    private const string Host = $@"(?:\[(?:[0-9A-Fa-f:.]+|[vV][0-9A-Fa-f]+\.(?:{Plain}|:)+)\]|{Plain}*)";
    private const string Rooted = $"//(?:(?:{Plain}|:)*@)?{Host}(?::[0-9]*)?{Segments}|/(?:{Any}+{Segments})?";

    // Without a scheme, the first segment of a path has no colon: what stands before one would be the scheme.
    private const string Absolute = $@"[A-Za-z][A-Za-z0-9+.\-]*:(?:{Rooted}|{Any}+{Segments})?";
    private const string Relative = $"(?:{Rooted}|(?:{Plain}|@)+{Segments})?";

    public static bool IsOne(string text) => Whole().IsMatch(text);

    [GeneratedRegex($@"\A(?:{Absolute}|{Relative})(?:\?(?:{Any}|[/?])*)?(?:#(?:{Any}|[/?])*)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Whole();
}
