using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace CloudSync.Sdk;

/// <summary>One address, <c>host:port</c>.</summary>
internal static class RedisEndpoint
{
    public static bool TryParse(string text, [NotNullWhen(true)] out EndPoint? endpoint)
    {
        endpoint = null;
        text = text.Trim();
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == 0)
            return false;

        var host = text[..colon];
        if (IPAddress.TryParse(host, out var address))
            endpoint = new IPEndPoint(address, port);
        else if (Uri.CheckHostName(host) == UriHostNameType.Dns)
            endpoint = new DnsEndPoint(host, port);
        return endpoint is not null;
    }
}
