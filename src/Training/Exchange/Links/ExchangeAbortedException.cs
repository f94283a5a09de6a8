namespace Granary.Training.Exchange.Links;

/// <summary>The round is over before the step was. The replica still stands where it stood before the phase.</summary>
public sealed class ExchangeAbortedException(string message, Exception? inner = null) : Exception(message, inner);
