namespace Granary.Training.Wording;

/// <summary>What the user asked for cannot be done. The message says why and what to do instead.</summary>
public sealed class UserErrorException(string message, Exception? inner = null) : Exception(message, inner);
