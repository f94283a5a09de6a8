namespace Granary.Contracts;

/// <summary>For connections between parts of Granary: straight there, whatever proxy the environment names for the internet.</summary>
public static class DirectHttp
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>A server that does not answer within seconds counts as not answering at all.</summary>
    public static HttpClient CreateClient() => new(CreateHandler()) { Timeout = Patience };

    /// <summary>The same for a client of another kind.</summary>
    public static SocketsHttpHandler CreateHandler() => new() { UseProxy = false };
}
