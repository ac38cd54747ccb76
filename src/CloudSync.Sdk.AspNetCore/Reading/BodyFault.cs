using Microsoft.AspNetCore.Http;

namespace CloudSync.Sdk.Ingest;

/// <summary>What a server throws while it reads a body is about the body, and the caller's: a chunk of 2^64 bytes, say, is an <see cref="IOException"/> to Kestrel.</summary>
internal static class BodyFault
{
    public static async ValueTask<T> Of<T>(Func<ValueTask<T>> read)
    {
        try
        {
            return await read();
        }
        catch (Exception e) when (e is not (BadHttpRequestException or OperationCanceledException))
        {
            throw new BadHttpRequestException("The body can't be read.", e);
        }
    }
}
