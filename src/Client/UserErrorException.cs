namespace Granary.Client;

/// <summary>What the user asked for cannot be done. The message says why and what to do instead.</summary>
internal sealed class UserErrorException(string message) : Exception(message);
