namespace CloudSync.Sdk;

/// <summary>Who writes <c>Authorization</c> in place of <see cref="HttpSinkOptions.BearerToken"/>, as a handler of the client.</summary>
/// <param name="Name">The method that registered it, for errors.</param>
/// <param name="Headers">The headers that it writes.</param>
/// <param name="Advice">What to look at when the endpoint refuses what it wrote. No secret.</param>
internal sealed record HttpAuthorizer(string Name, IReadOnlyList<string> Headers, string Advice);
