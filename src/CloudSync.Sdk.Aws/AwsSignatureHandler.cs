using System.Net;
using Amazon.Runtime;
using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>Signs each request as it goes out, the same one anew when it goes out again.</summary>
internal sealed class AwsSignatureHandler(RequestSigner signer, RenewedCredential<ImmutableCredentials> credentials, TimeProvider time, ILogger logger) : DelegatingHandler
{
    private readonly ServerClock _clock = new(time);
    private bool _saidSkew;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var keys = await credentials.GetAsync(cancellationToken).ConfigureAwait(false);
        var signedOn = _clock.Now;
        var response = await SignAndSendAsync(request, keys, signedOn, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.Forbidden)
            return response;

        if (_clock.Correct(response.Headers.Date, signedOn))
        {
            if (!Interlocked.Exchange(ref _saidSkew, true))
                AwsSignatureLog.ClockIsWrong(logger, request.RequestUri!.IdnHost, _clock.Offset);

            // It was refused for its time and nothing was carried out, so it goes once more.
            response.Dispose();
            response = await SignAndSendAsync(request, keys, _clock.Now, cancellationToken).ConfigureAwait(false);
        }

        if (response.StatusCode == HttpStatusCode.Forbidden && IsAboutTheKeys(response))
            credentials.Refuse(keys);
        return response;
    }

    private async Task<HttpResponseMessage> SignAndSendAsync(HttpRequestMessage request, ImmutableCredentials keys, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await signer.SignAsync(request, keys, now, cancellationToken).ConfigureAwait(false);
        return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Not what they may do, but they themselves: expired, taken back, unknown.</summary>
    private static bool IsAboutTheKeys(HttpResponseMessage response) =>
        response.Headers.NonValidated.TryGetValues("x-amzn-errortype", out var types)
        && types.ToString() is var type
        && (type.StartsWith("ExpiredToken", StringComparison.Ordinal) || type.StartsWith("UnrecognizedClient", StringComparison.Ordinal)
            || type.StartsWith("InvalidClientTokenId", StringComparison.Ordinal) || type.StartsWith("InvalidSignature", StringComparison.Ordinal));
}
